// Makes a checkout ready to run: packages, a Docker engine, images, and for the tests a PostgreSQL server, a registry
// of images and strace. Each step does only what is not done yet, so that calling it first costs little. Plain
// JavaScript for the Node a machine happens to have, 20 or newer.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setUpEngine } from './setup/engine.mjs';
import { setUpImages } from './setup/images.mjs';
import { checkNode } from './setup/node.mjs';
import { setUpPackages } from './setup/packages.mjs';
import { setUpPostgres } from './setup/postgres.mjs';
import { setUpRegistry } from './setup/registry.mjs';
import { setUpStrace } from './setup/strace.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packageSteps = [setUpPackages, checkNode];
const gridSteps = [...packageSteps, setUpEngine, setUpImages];
const stepsFor = { '--packages-only': packageSteps, '--grid-only': gridSteps };
const steps = stepsFor[process.argv[2]] ?? [...gridSteps, setUpPostgres, setUpRegistry, setUpStrace];

// An exit runs the clean-up that an untreated signal would skip.
for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
])
  process.once(signal, () => process.exit(status));

try {
  for (const step of steps) await step(root);
} catch (problem) {
  console.error(process.env.DEBUG ? problem : problem.message);
  process.exitCode = 1;
}
