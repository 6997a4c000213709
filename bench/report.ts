/** What a bench prints: one JSON object, a table for people, or rows for docs/performance.md. */
import type { Samples } from './bench.ts';
import { median } from './statistics.ts';

export interface Report {
  name: string;
  machine: string;
  /** Median of all runs. */
  figures: Record<string, number>;
  /** Least and most of all runs. */
  spread: Record<string, [number, number]>;
  runs: number;
}

export function reportOn(name: string, machine: string, runs: number, samples: Samples): Report {
  const map = <Value>(change: (values: readonly number[]) => Value) =>
    Object.fromEntries(Object.entries(samples).map(([figure, values]) => [figure, change(values)]));
  return {
    name,
    machine,
    figures: map((values) => round(median(values))),
    spread: map((values) => [round(Math.min(...values)), round(Math.max(...values))]),
    runs,
  };
}

/** Four digits: more would claim what no run repeats. */
function round(value: number): number {
  return Number(value.toPrecision(4));
}

type Form = (report: Report) => string;

export const printJson: Form = (report) => JSON.stringify(report);

export const printTable: Form = ({ name, machine, figures, spread, runs }) => {
  const lines = Object.entries(figures).map(([figure, value]) => [figure, String(value), spreadOf(spread, figure)]);
  const width = (column: number) => Math.max(...lines.map((line) => line[column]?.length ?? 0));
  const rows = lines.map(([figure = '', value = '', range = '']) =>
    `  ${figure.padEnd(width(0))}  ${value.padStart(width(1))}  ${range}`.trimEnd(),
  );
  return [`${name}: medians of ${runs} runs [least to most]`, machine, ...rows].join('\n');
};

export const printMarkdown: Form = ({ figures, spread }) =>
  Object.entries(figures)
    .map(([figure, value]) => `| \`${figure}\` | ${value} | ${spreadOf(spread, figure)} |`)
    .join('\n');

function spreadOf(spread: Report['spread'], figure: string): string {
  const [least = 0, most = 0] = spread[figure] ?? [];
  return least === most ? '' : `${least} to ${most}`;
}
