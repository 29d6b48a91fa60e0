import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const backend = process.env['MADANG_URL'] ?? 'http://127.0.0.1:8080';
const proxied = ['/api', '/login', '/ingest', '/healthz', '/readyz', '/metrics'];

export default defineConfig({
  plugins: [react()],
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
