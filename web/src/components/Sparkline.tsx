import { memo } from 'react';

type Props = {
  values: readonly number[];
  width?: number;
  height?: number;
  label: string;
  color?: string;
};

/** A line of the last values over a zero base: shape, not scale. */
export const Sparkline = memo(function Sparkline(props: Props) {
  const { values, width = 96, height = 24, label, color = 'var(--accent)' } = props;
  const max = Math.max(...values, 1e-9);
  const step = values.length > 1 ? width / (values.length - 1) : width;
  const y = (value: number) => height - 2 - (Math.max(0, value) / max) * (height - 4);
  const points = values.map((value, index) => `${(index * step).toFixed(1)},${y(value).toFixed(1)}`);
  const line = points.join(' ');
  const flat = values.every((value) => value <= 0);
  return (
    <svg
      width={width}
      height={height}
      viewBox={`0 0 ${String(width)} ${String(height)}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
      style={{ display: 'block', maxWidth: '100%' }}
    >
      {flat ? (
        <line x1="0" x2={width} y1={height - 2} y2={height - 2} stroke="var(--line-strong)" strokeWidth="1" />
      ) : (
        <>
          <polygon points={`0,${String(height)} ${line} ${String(width)},${String(height)}`} fill={color} opacity="0.1" />
          <polyline points={line} fill="none" stroke={color} strokeWidth="1.25" strokeLinejoin="round" vectorEffect="non-scaling-stroke" />
        </>
      )}
    </svg>
  );
});
