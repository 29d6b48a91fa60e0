import classes from './MiddleCut.module.css';

type Props = { text: string; title?: string; tail?: number };

/** A long path in one line: where there is no room for it, its middle goes; both ends tell it apart. */
export function MiddleCut({ text, title = text, tail = 20 }: Props) {
  const at = Math.max(0, text.length - tail);
  return (
    <span className={classes.whole} title={title}>
      <span className={classes.head}>{text.slice(0, at)}</span>
      <span className={classes.tail}>{text.slice(at)}</span>
    </span>
  );
}
