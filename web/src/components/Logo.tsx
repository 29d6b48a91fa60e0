/** A courtyard from above: the house around, the yard within. */
export function Logo({ size = 24 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden>
      <rect width="32" height="32" rx="7" fill="#2d5a9e" />
      <path d="M8 8h16v16H8z" fill="none" stroke="#fff" strokeWidth="2.4" />
      <path d="M13.4 13.4h5.2v5.2h-5.2z" fill="#f3c969" />
    </svg>
  );
}
