/** The few pieces of markdown that the generated pages are made of. */

/** A text inside a table: a bar or a line break would end its cell. */
function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll(/\s*\n\s*/g, ' ');
}

/** A table; columns that are empty in every row are left out. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const kept = columns.flatMap((_title, index) => (rows.some((row) => row[index] !== '') ? [index] : []));
  const line = (cells: readonly string[]) => `| ${kept.map((index) => cell(cells[index] ?? '')).join(' | ')} |`;
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n');
}

export function code(text: string | number): string {
  return `\`${text}\``;
}

/** A page out of its blocks, with the note that keeps people from editing it. @param source what it is written from */
export function page(title: string, blocks: readonly string[], source = 'packages/protocol/src'): string {
  const note = `<!-- Written by scripts/generate.ts from ${source}: change it there. -->`;
  return `${[note, `# ${title}`, ...blocks].join('\n\n')}\n`;
}
