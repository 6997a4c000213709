import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';
import { SetupError } from './say.mjs';

const oldest = 24;

/** Checks that the programs can run: on this Node, or on the one that came with the packages. */
export async function checkNode(root) {
  if (isNewEnough(process.version)) return;
  for (const node of brought(join(root, 'node_modules'))) {
    if (isNewEnough(await run(node, ['--version']).catch(() => ''))) return;
  }
  throw new SetupError(
    `Install Node ${oldest} or newer: this one is ${process.version}, and none is packaged for this machine.`,
  );
}

const isNewEnough = (version) => Number(/^v(\d+)/.exec(version)?.[1]) >= oldest;

const brought = (modules) =>
  readdirSync(modules)
    .filter((name) => name.startsWith('node-linux-'))
    .map((name) => join(modules, name, 'bin/node'))
    .filter(existsSync);
