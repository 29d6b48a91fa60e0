// Writes src/api/schema.ts from the server's own OpenAPI document, or, with --check, says whether it
// still fits. The document comes from the Python models, so the UI cannot drift from the API unseen.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import openapiTS, { astToString } from 'openapi-typescript';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const target = at('../src/api/schema.ts');
const python = process.env.MADANG_PYTHON ?? at('../../.venv/bin/python');

if (!existsSync(python)) {
  console.log(`skipped: there is no ${python}; make setup creates it, MADANG_PYTHON names another`);
  process.exit(0);
}
const document = execFileSync(python, ['-m', 'madang.server.openapi'], {
  env: { ...process.env, PYTHONPATH: at('../../src') },
  maxBuffer: 1 << 26,
});

/** Without its prose and examples: a reworded sentence is no change of the API. */
function bare(node) {
  if (Array.isArray(node)) return node.map(bare);
  if (typeof node !== 'object' || node === null) return node;
  // Beside a schema, not in one: a field may be named so.
  const prose = ([key, value]) => (/^(title|description|summary)$/.test(key) && typeof value === 'string') || (key === 'example' && 'schema' in node);
  return Object.fromEntries(Object.entries(node).filter((entry) => !prose(entry)).map(([key, value]) => [key, bare(value)]));
}

const text = `// Written by \`npm run types\` from the server's models.\n\n${astToString(await openapiTS(bare(JSON.parse(document))))}`;
if (!process.argv.includes('--check')) {
  writeFileSync(target, text);
} else if (readFileSync(target, 'utf8') !== text) {
  console.log('src/api/schema.ts does not fit the server any more: run `npm run types`');
  process.exit(1);
}
