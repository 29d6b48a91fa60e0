import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

const WORD = '/[A-Za-z\\uAC00-\\uD7A3]{2}/';
const SPOKEN = '/^(label|title|placeholder|aria-label|description|alt|error)$/';

/** What people read comes from i18n, so that no language is forgotten. */
const noLiteralText = [
  { selector: `JSXText[value=${WORD}]`, message: 'Text belongs into src/i18n.' },
  {
    selector: `JSXAttribute[name.name=${SPOKEN}] > Literal[value=${WORD}]`,
    message: 'Text belongs into src/i18n.',
  },
];

export default tseslint.config(
  { ignores: ['node_modules', 'dist', 'public', 'src/api/schema.ts'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [...tseslint.configs.strict, ...tseslint.configs.stylistic],
    plugins: { 'react-hooks': reactHooks },
    rules: {
      ...reactHooks.configs.recommended.rules,
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      'max-lines': ['error', { max: 250, skipBlankLines: true, skipComments: true }],
      'no-console': 'error',
    },
  },
  { files: ['src/**/*.tsx'], rules: { 'no-restricted-syntax': ['error', ...noLiteralText] } },
  {
    // Pages stand beside each other; what two need goes into components, charts, sql or api.
    files: ['src/pages/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['@/pages/*', '@/app/*', '../../pages/*'] }] },
  },
  {
    files: ['src/{components,charts,sql,api,theme,i18n}/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['@/pages/*', '@/app/*'] }] },
  },
  { files: ['scripts/**'], languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly', fetch: 'readonly' } } },
);
