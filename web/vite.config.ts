import react from '@vitejs/plugin-react';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const backend = process.env['MADANG_URL'] ?? 'http://127.0.0.1:8080';
const proxied = ['/api', '/login', '/ingest', '/healthz', '/readyz', '/metrics'];

/** Puts `.br` and `.gz` beside every text file: the server sends them as they are. */
function compressed(): Plugin {
  let folder = '';
  return {
    name: 'compressed',
    apply: 'build',
    configResolved: (config) => {
      folder = fileURLToPath(new URL(config.build.outDir, `file://${config.root}/`));
    },
    closeBundle: () => {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(path)) continue;
        const bytes = readFileSync(path);
        if (bytes.length < 1024) continue;
        const params = { [constants.BROTLI_PARAM_QUALITY]: 9 };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), compressed()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    outDir: process.env['MADANG_UI_DIR'] ?? '../src/madang/server/ui',
    emptyOutDir: true,
    target: 'es2022',
    // The server's policy allows no data: scripts, and fonts and pictures cache better as files.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
  },
  server: { proxy: Object.fromEntries(proxied.map((path) => [path, { target: backend }])) },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
});
