import { describe, expect, it } from 'vitest';

import { en } from './en';
import { ko } from './ko';

type Tree = { [key: string]: string | Tree };

function flat(tree: Tree, path = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(tree).flatMap(([key, value]) =>
      typeof value === 'string'
        ? [[path + key, value] as const]
        : Object.entries(flat(value, `${path}${key}.`)),
    ),
  );
}

const english = flat(en);
const korean = flat(ko);
const variables = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}|<(\w+)\/>/g)].map((found) => found[1] ?? found[2]).toSorted();

describe('dictionaries', () => {
  it('hold the same keys in both languages', () => {
    const expected = Object.keys(english).filter((key) => !key.endsWith('_one'));
    expect(Object.keys(korean).toSorted()).toEqual(expected.toSorted());
  });

  it.each(Object.keys(korean))('%s says something, with the same variables', (key) => {
    expect(korean[key]?.trim()).not.toBe('');
    expect(english[key]?.trim()).not.toBe('');
    expect(variables(korean[key] ?? '')).toEqual(variables(english[key] ?? ''));
  });

  it('speak 해요체: no sentence ends in 합니다, 하십시오 or 한다', () => {
    const stiff = Object.entries(korean).filter(([, text]) => /(니다|시오|한다)[.!]?$/.test(text));
    expect(stiff).toEqual([]);
  });
});
