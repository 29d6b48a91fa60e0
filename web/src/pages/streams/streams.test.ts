import { describe, expect, it } from 'vitest';

import type { StreamRecord } from '@/api/types';

import { hexDump, laidOut, matches, oneLine, textParts } from './recordText';
import { EMPTY, faults, toSpec, toYaml } from './streamForm';
import { addRecords, MOST_LINES, withEarlier } from './useTail';

const record = (offset: number, partition = 0): StreamRecord => ({
  partition, offset, ts: new Date(offset * 1000).toISOString(), key: null, value: '{}', encoding: 'utf8', size_bytes: 2, attributes: {},
});

describe('the tail', () => {
  it('puts the newest first, once, and forgets the oldest', () => {
    const first = addRecords([], [record(1), record(2)]);
    expect(first.map(({ offset }) => offset)).toEqual([2, 1]);
    expect(addRecords(first, [record(2), record(3)]).map(({ offset }) => offset)).toEqual([3, 2, 1]);
    const many = addRecords([], Array.from({ length: MOST_LINES + 5 }, (_, index) => record(index)));
    expect(many).toHaveLength(MOST_LINES);
    expect(many[0]?.offset).toBe(MOST_LINES + 4);
  });
  it('goes on below with what was there before, in whatever order it came', () => {
    expect(withEarlier([record(3)], [record(1), record(3), record(2)]).map(({ offset }) => offset)).toEqual([3, 2, 1]);
  });
});

describe('record texts', () => {
  it('lay out JSON but leave integers beyond 2^53 alone', () => {
    const whole = (value: string) => laidOut(value, 'utf8').map(({ text }) => text).join('');
    expect(whole('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(whole('{"a":12345678901234567890}')).toBe('{"a":12345678901234567890}');
    expect(whole('{"a":')).toBe('{"a":');
  });
  it('show bytes as hex', () => {
    expect(hexDump('/////w==')).toMatch(/^000000 {2}ff ff ff ff/);
    expect(oneLine('a\n  b', 'utf8')).toEqual([{ text: 'a b', bad: false }]);
    expect(hexDump('%%%')).toBe('%%%');
  });
  it('show bytes as the text that they nearly are, and mark the others', () => {
    const base64 = (bytes: number[]) => btoa(String.fromCharCode(...bytes));
    const text = [...new TextEncoder().encode('{"s":"한')];
    expect(textParts(base64([...text, 0xff, 0xed, 0x95, 0x22, 0x7d]))).toEqual([
      { text: '{"s":"한', bad: false }, { text: '<FF><ED><95>', bad: true }, { text: '"}', bad: false },
    ]);
    expect(textParts(base64([0, 9, 0xc0, 0x80, 0xed, 0xa0, 0x80]))).toEqual([
      { text: '<00>', bad: true }, { text: '\t', bad: false }, { text: '<C0><80><ED><A0><80>', bad: true },
    ]);
    expect(textParts('%%%')).toEqual([{ text: '%%%', bad: false }]);
  });
  it('match when every word is there, in the key too', () => {
    expect(matches('GET u7', '{"method":"GET"}', 'u7')).toBe(true);
    expect(matches('get post', '{"method":"GET"}', null)).toBe(false);
  });
});

describe('the form of a stream', () => {
  it('writes only what differs from the defaults', () => {
    expect(toSpec({ ...EMPTY, name: 'orders' })).toEqual({});
    const spec = toSpec({ ...EMPTY, name: 'orders', description: '주문: 전부', format: 'csv', header: 'a, b', age: '7d', timeField: 'ts', deliver: false });
    expect(toYaml(spec)).toBe('description: "주문: 전부"\nformat: csv\nheader: [a, b]\ntime:\n  field: ts\nretention:\n  age: 7d\ndeliver: false\n');
  });
  it('quotes what YAML would read as something else', () => {
    expect(toYaml({ a: 'yes', b: 'on time', c: '- x', d: '12', e: 'a: b' })).toBe('a: "yes"\nb: on time\nc: "- x"\nd: "12"\ne: "a: b"\n');
  });
  it('says what cannot be sent', () => {
    expect(faults({ ...EMPTY, name: 'Orders' }, [])).toEqual({ name: 'name' });
    expect(faults({ ...EMPTY, name: 'orders' }, ['orders'])).toEqual({ name: 'taken' });
    expect(faults({ ...EMPTY, name: 'o', partitions: '65', age: '7 days', size: 'big', table: 'x', format: 'regex' }, [])).toEqual({
      partitions: 'partitions', age: 'age', size: 'size', table: 'table', pattern: 'pattern',
    });
    expect(faults({ ...EMPTY, name: 'o', age: '1h30m', size: '10GiB', table: 'lake.x' }, [])).toEqual({});
  });
});
