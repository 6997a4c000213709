/**
 * Tags of the CPUs, in the original's spelling: `cpu:intel`, `cpu:xeon gold 6338`, `cpus:64`. Tasks name them in
 * `requires`, so a model must come out letter by letter as it does there (kolejka.common.tags, observed).
 */
import { readFile } from 'node:fs/promises';

const VENDORS: Readonly<Record<string, string>> = { GenuineIntel: 'intel', AuthenticAMD: 'amd' };

/** Words of a model name that say nothing of the model. */
const EMPTY_WORDS: ReadonlySet<string> = new Set([
  '-',
  'mobile',
  'extreme',
  'cpu',
  'apu',
  'gen',
  'solo',
  'dual',
  'duo',
  // The original's list has a slip in its word for three, so a `triple` stays in the name.
  'trile',
  'quad',
  'eight',
]);
const EMPTY_BEGINNING = /^([0-9.+-]*ghz|intel|amd|(dual-?|triple-?|quad-?|eight-?)?core)/;

/** `Intel(R) Xeon(R) Gold 6338 CPU @ 2.00GHz` is `xeon gold 6338`. */
export function printModel(name: string): string {
  return name
    .toLowerCase()
    .replace(/@.*/, '')
    .replaceAll(/\([^()]*\)/g, '')
    .split(/\s+/)
    .filter((word) => word !== '' && !EMPTY_WORDS.has(word) && !EMPTY_BEGINNING.test(word))
    .join(' ');
}

/** Tags of a machine whose /proc/cpuinfo says this. */
export function cpuTagsOf(cpuinfo: string): string[] {
  const lines = cpuinfo.split('\n').map((line) => line.split(/\s*:\s*/, 2).map((part) => part.trim()));
  const all = (key: string) => lines.filter(([name]) => name?.toLowerCase() === key).map(([, value = '']) => value);
  const vendors = all('vendor_id').flatMap((vendor) => VENDORS[vendor] ?? []);
  const names = [...vendors, ...all('model name').map(printModel)].filter((name) => name !== '');
  const count = all('processor').length;
  return [...new Set(names.map((name) => `cpu:${name}`)), ...(count > 0 ? [`cpus:${count}`] : [])];
}

export async function readCpuTags(): Promise<string[]> {
  return cpuTagsOf(await readFile('/proc/cpuinfo', 'utf8'));
}
