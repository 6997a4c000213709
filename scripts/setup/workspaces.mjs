import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The workspace's directories with a package.json, "" (the root itself) first. */
export function workspaces(root) {
  const folders = patterns(root).flatMap((pattern) => expand(root, pattern));
  return [
    '',
    ...folders
      .filter((folder) => existsSync(join(root, folder, 'package.json')))
      .toSorted((a, b) => a.localeCompare(b)),
  ];
}

// No YAML reader before the packages are there; the list is short and only ever "directory" or "directory/*".
function patterns(root) {
  const text = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8');
  const [, list] = /^packages:\n((?:\s+- .*\n)+)/m.exec(text);
  return Array.from(list.matchAll(/- ["']?([^"'\s]+)/g), ([, pattern]) => pattern);
}

function expand(root, pattern) {
  if (!pattern.endsWith('/*')) return [pattern];
  const parent = pattern.slice(0, -2);
  return readdirSync(join(root, parent)).map((name) => `${parent}/${name}`);
}
