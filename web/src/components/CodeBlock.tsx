import classes from './CodeBlock.module.css';
import { CopyButton } from './CopyButton';

/** A comment behind a value; a # inside quotes is none. */
const TAIL = /(?<=^[^'"]*)\s#.*$/;
const YAML_LINE = /^(\s*(?:- )?)([\w.$-]+)(:)(\s.*|)$/;

function yamlLine(line: string, index: number) {
  const comment = /^\s*#/.test(line);
  const found = comment ? null : YAML_LINE.exec(line);
  return (
    <span key={index} className={comment ? classes.comment : undefined}>
      {found ? (
        <>
          {found[1]}
          <span className={classes.key}>{found[2]}</span>
          {found[3]}
          {(found[4] ?? '').replace(TAIL, '')}
          <span className={classes.comment}>{TAIL.exec(found[4] ?? '')?.[0]}</span>
        </>
      ) : (
        line
      )}
      {'\n'}
    </span>
  );
}

/** Code to read and to copy. */
export function CodeBlock({ code, yaml = false }: { code: string; yaml?: boolean }) {
  return (
    <div className={classes.block}>
      <pre className={classes.code} tabIndex={0}>
        {yaml ? code.replace(/\n$/, '').split('\n').map(yamlLine) : code}
      </pre>
      <div className={classes.copy}>
        <CopyButton text={code} />
      </div>
    </div>
  );
}
