/** The table of `top`: as many rows as there is room for, each no longer than a line. */
import { printable } from '@kolejka/program';
import type { Usage } from './usage.ts';

interface Room {
  columns: number;
  lines: number;
  /** What can be done, behind the sums. */
  hint: string;
}

/** Names of runs and sessions are as long as they like; the figures behind must stay on the line. */
const SHORTEST_ID = 12;

const COLUMNS: readonly [heading: string, cell: (row: Usage) => string][] = [
  ['CPU%', ({ cpuPercent }) => cpuPercent?.toFixed(1) ?? '-'],
  ['MEMORY', ({ memoryBytes }) => printSize(memoryBytes)],
  ['OF', ({ memoryLimitBytes }) => printSize(memoryLimitBytes)],
  ['PIDS', ({ pids }) => String(pids ?? '-')],
  ['AGE', ({ ageMs }) => printAge(ageMs)],
];

/** Lines of the table. Without room, all of them as wide as they are. */
export function printUsage(rows: readonly Usage[], room?: Room): string[] {
  const shown = rows.slice(0, room === undefined ? rows.length : Math.max(0, room.lines - 3));
  const figures = shown.map((row) => COLUMNS.map(([, cell]) => cell(row)));
  const widths = COLUMNS.map(([heading], column) =>
    Math.max(heading.length, ...figures.map((cells) => cells[column]?.length ?? 0)),
  );
  const names = shown.map(({ kind, id }) => printable(kind === 'session of a task' ? `  ${id}` : id));
  const behind = widths.reduce((sum, width) => sum + 2 + width, 0);
  const longest = Math.max(SHORTEST_ID, ...names.map(({ length }) => length));
  const width = Math.max(SHORTEST_ID, Math.min(longest, (room?.columns ?? Infinity) - behind));
  const line = (name: string, cells: readonly string[]) =>
    shorten(name, width).padEnd(width) +
    cells.map((cell, column) => `  ${cell.padStart(widths[column] ?? 0)}`).join('');
  const lines = [
    ...(room === undefined ? [] : [summary(rows, room.hint), '']),
    line(
      'TASK / SESSION',
      COLUMNS.map(([heading]) => heading),
    ),
    ...shown.map((_row, index) => line(names[index] ?? '', figures[index] ?? [])),
  ];
  return lines.map((text) => text.slice(0, room?.columns));
}

function summary(rows: readonly Usage[], hint: string): string {
  const tasks = rows.filter(({ kind }) => kind === 'task').length;
  return `tasks: ${tasks}, sessions: ${rows.length - tasks}; ${hint}`;
}

function shorten(name: string, width: number): string {
  return name.length <= width ? name : `${name.slice(0, width - 1)}…`;
}

const SIZES = ['B', 'K', 'M', 'G', 'T', 'P'];

/** At most four digits: `512.0M`. */
function printSize(bytes: number | undefined): string {
  if (bytes === undefined || bytes === Infinity) return '-';
  const power = Math.min(SIZES.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)}${SIZES[power] ?? ''}`;
}

/** `5s`, `4:05`, `3:04:05`, `2d 03:04`. */
function printAge(ms: number | undefined): string {
  if (ms === undefined) return '-';
  const seconds = Math.floor(ms / 1000);
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  const two = (value: number) => String(value).padStart(2, '0');
  if (days > 0) return `${days}d ${two(hours)}:${two(minutes)}`;
  if (hours > 0) return `${hours}:${two(minutes)}:${two(seconds % 60)}`;
  return minutes > 0 ? `${minutes}:${two(seconds % 60)}` : `${seconds}s`;
}
