/**
 * Who imports whom, between packages and inside them.
 *
 * Programs meet over HTTP and sockets, never by importing one another; only a foreman holds a client and a worker.
 */
import path from 'node:path';
import { type Import, importsOf } from './code.ts';
import { listFiles, readText } from './checkout.ts';

/** What sources of a package may import of ours; `observer/client` is one door of a package, `observer` all its doors. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  protocol: [],
  program: ['protocol'],
  server: ['program', 'protocol'],
  client: ['program', 'protocol'],
  observer: ['program', 'protocol'],
  worker: ['program', 'protocol', 'observer/cgroup', 'observer/client'],
  foreman: ['program', 'protocol', 'client', 'worker'],
  kolejka: ['program', 'protocol', 'server', 'client', 'observer', 'worker', 'foreman'],
};

export function checkDirections(): string[] {
  const sources = listFiles('packages').filter((file) => /^packages\/[^/]+\/(src|test)\/.*\.ts$/.test(file));
  const imports = new Map(sources.map((file) => [file, importsOf(readText(file))]));
  const inside = mapValues(imports, (file, all) => all.filter(isRelative).map(resolveFrom(file)));
  const loaded = mapValues(imports, (file, all) => all.filter(isLoaded).filter(isRelative).map(resolveFrom(file)));
  return [
    ...Array.from(imports).flatMap(([file, all]) => all.flatMap((found) => misdirected(file, found))),
    ...Array.from(inside).flatMap(([file, all]) => all.flatMap((target) => trespassing(file, target))),
    ...findCycles(loaded),
    ...listFiles('packages').filter(isManifest).flatMap(undeclared),
  ];
}

const isRelative = ({ specifier }: Import) => specifier.startsWith('.');
/** Types are erased: two files may know each other's types and still be loaded in order. */
const isLoaded = ({ onlyTypes }: Import) => !onlyTypes;
const resolveFrom = (file: string) => (found: Import) => path.posix.join(path.posix.dirname(file), found.specifier);

function mapValues<From, To>(
  map: ReadonlyMap<string, From>,
  change: (key: string, value: From) => To,
): Map<string, To> {
  return new Map(Array.from(map, ([key, value]) => [key, change(key, value)]));
}

const packageOf = (file: string) => file.split('/')[1] ?? '';
const isManifest = (file: string) => /^packages\/[^/]+\/package\.json$/.test(file);

/** The package and door of ours that a specifier names: `@kolejka/observer/client` is `observer/client`. */
function ours(specifier: string): string | undefined {
  if (specifier === 'kolejka' || specifier.startsWith('kolejka/')) return specifier;
  return /^@kolejka\/(.+)$/.exec(specifier)?.[1];
}

function may(name: string, door: string): boolean {
  return (MAY_IMPORT[name] ?? []).some((allowed) => door === allowed || door.startsWith(`${allowed}/`));
}

function misdirected(file: string, { specifier, onlyTypes }: Import): string[] {
  const name = packageOf(file);
  const isTest = file.startsWith(`packages/${name}/test/`);
  if (!(name in MAY_IMPORT)) return [`${file}: say in scripts/check/directions.ts what ${name} may import`];
  if (name === 'protocol' && !isTest && specifier.startsWith('node:')) {
    return [`${file}: protocol is words and tables only, and imports ${specifier}`];
  }
  if (specifier === 'node:http' && !onlyTypes && !isTest) {
    return [`${file}: import @kolejka/program/http; node:http loads Node's fetch with it`];
  }
  const door = ours(specifier);
  // Tests go in by the package's own door too.
  if (door === undefined || may(name, door) || (isTest && door.split('/')[0] === name)) return [];
  return [`${file}: ${name} must not import ${specifier}`];
}

function trespassing(file: string, target: string): string[] {
  const name = packageOf(file);
  if (!target.startsWith(`packages/${name}/`)) return [`${file}: leaves its package for ${target}`];
  if (target.endsWith('/src/main.ts')) return [`${file}: main.ts is started, never imported`];
  const fromSource = file.startsWith(`packages/${name}/src/`);
  if (fromSource && !target.startsWith(`packages/${name}/src/`)) return [`${file}: sources must not import ${target}`];
  return [];
}

/** Circles of imports, each named once. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    const at = way.indexOf(file);
    if (at !== -1) found.push(`a circle of imports: ${[...way.slice(at), file].join(' → ')}`);
    if (at !== -1 || done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...way, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return found;
}

/** A package.json that depends on a package it may not import would let the next import slip in. */
function undeclared(manifest: string): string[] {
  const { dependencies = {} } = JSON.parse(readText(manifest)) as { dependencies?: Record<string, string> };
  const name = packageOf(manifest);
  const allowed = (MAY_IMPORT[name] ?? []).map((door) => door.split('/')[0]);
  return Object.keys(dependencies).flatMap((dependency) => {
    const door = ours(dependency);
    return door === undefined || allowed.includes(door)
      ? []
      : [`${manifest}: ${name} must not depend on ${dependency}`];
  });
}
