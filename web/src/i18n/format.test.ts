import { describe, expect, it } from 'vitest';

import { formatBytes, formatCount, formatDuration, formatExact, formatRelative } from './format';

describe('formatCount', () => {
  it.each([
    [0, '0'], [999, '999'], [9999, '9,999'], [1.26, '1.3'], [123.4, '123'], [12_345, '12,345'], [99_999, '99,999'], [123_456, '123K'], [1_234_567, '1.23M'],
  ])('%d is %s', (value, text) => {
    expect(formatCount(value, 'en')).toBe(text);
  });
  it('counts in 만 and 억 in Korean', () => {
    expect(formatCount(123_456, 'ko')).toBe('12.3만');
    expect(formatCount(345_000_000, 'ko')).toBe('3.45억');
    expect(formatCount(38_100_000, 'ko')).toBe('3,810만');
  });
  it('shows nothing for what is no number', () => {
    expect(formatCount(Number.NaN, 'en')).toBe('–');
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'], [1023, '1,023 B'], [1024, '1 KiB'], [1536, '1.5 KiB'], [1_048_575, '1 MiB'], [123 * 2 ** 30, '123 GiB'],
  ])('%d is %s', (value, text) => {
    expect(formatBytes(value, 'en')).toBe(text);
  });
});

describe('formatDuration', () => {
  it.each([
    [0.0012, '1.2\u202fms'], [0.25, '250\u202fms'], [0.9996, '1\u202fs'], [3.44, '3.4\u202fs'], [59.7, '1\u202fm'], [125, '2\u202fm 5\u202fs'],
    [7200, '2\u202fh'], [90_061, '1\u202fd 1\u202fh'],
  ])('%d s is %s', (value, text) => {
    expect(formatDuration(value, 'en')).toBe(text);
  });
  it('speaks Korean', () => {
    expect(formatDuration(3725, 'ko')).toBe('1시간 2분');
  });
});

describe('formatRelative and formatExact', () => {
  it('counts whole units, towards now', () => {
    const now = Date.UTC(2026, 10, 21);
    expect(formatRelative(now - 1000, now, 'en')).toBe('now');
    expect(formatRelative(now - 119_000, now, 'en')).toBe('1 min. ago');
    expect(formatRelative(now - 3 * 3_600_000, now, 'ko')).toBe('3시간 전');
  });
  it('keeps big integers whole', () => {
    expect(formatExact(9_007_199_254_740_993n, 'en')).toBe('9,007,199,254,740,993');
    expect(formatExact(-1.5, 'en')).toBe('−1.5');
  });
});
