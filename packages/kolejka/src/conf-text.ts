/** Changes values in the text of a `kolejka.conf` and leaves everything else as its owner wrote it. */

/** Name → text; undefined takes the value out. */
export type ConfValues = Readonly<Record<string, string | undefined>>;

const COMMENT_OR_BLANK = /^\s*([#;]|$)/;
const NAME = /^\s*([^\s=:][^=:]*?)\s*[=:]/;

/** The text with these values in this section, which is appended where there is none; read by `parseConfFile`. */
export function setConfValues(text: string, section: string, values: ConfValues): string {
  const header = `[${section}]`;
  const lines = printConfValues(values);
  const kept = withoutValues(text.trimEnd().split(/\r?\n/), header, new Set(Object.keys(values)));
  const at = kept.findIndex((line) => line.trimEnd() === header);
  if (at === -1) return `${[...kept, '', header, ...lines].join('\n').trimStart()}\n`;
  return `${kept.toSpliced(endOfSection(kept, at), 0, ...lines).join('\n')}\n`;
}

/** Behind its last value: what is indented deeper than a line before it would be a part of that. */
function endOfSection(lines: readonly string[], header: number): number {
  const next = lines.findIndex((line, index) => index > header && line.startsWith('['));
  const end = next === -1 ? lines.length : next;
  return lines.slice(0, end).findLastIndex((line) => !COMMENT_OR_BLANK.test(line)) + 1;
}

/** Lines `name = text`, without a section. */
export function printConfValues(values: ConfValues): string[] {
  return Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name} = ${value.replaceAll('%', '%%')}`],
  );
}

/** A value goes on in lines that are indented deeper than its own. */
function withoutValues(lines: readonly string[], header: string, names: ReadonlySet<string>): string[] {
  let isInside = false;
  let value: { indent: number; isRemoved: boolean } | undefined;
  return lines.filter((line) => {
    if (COMMENT_OR_BLANK.test(line)) return true;
    const indent = line.length - line.trimStart().length;
    if (value !== undefined && indent > value.indent) return !value.isRemoved;
    value = undefined;
    if (line.startsWith('[')) {
      isInside = line.trimEnd() === header;
      return true;
    }
    const name = NAME.exec(line)?.[1]?.toLowerCase();
    value = { indent, isRemoved: isInside && name !== undefined && names.has(name) };
    return !value.isRemoved;
  });
}
