// Makes a checkout ready to run: packages, a Docker engine, images, and for the tests a PostgreSQL server, a registry
// of images, Python and some programs, or with --vm a virtual machine. Each step does only what is not done yet, so that
// calling it first costs little. Plain JavaScript for the Node a machine happens to have, 20 or newer.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setUpEngine } from './setup/engine.mjs';
import { setUpImages } from './setup/images.mjs';
import { setUpMachine } from './setup/machine.mjs';
import { checkNode } from './setup/node.mjs';
import { setUpPackages } from './setup/packages.mjs';
import { setUpPostgres } from './setup/postgres.mjs';
import { setUpPython } from './setup/python.mjs';
import { setUpRegistry } from './setup/registry.mjs';
import { setUpProgram } from './setup/unpacked-program.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const packageSteps = [setUpPackages, checkNode];
const gridSteps = [...packageSteps, setUpEngine, setUpImages];
const testPrograms = [
  { program: 'strace', package: 'strace', version: '-V', what: 'what is on disk before an answer' },
  { program: 'systemd-analyze', package: 'systemd', version: '--version', what: 'the units of systemd' },
  { program: 'curl', package: 'curl', version: '--version', what: 'the commands in docs/observer.md' },
].map((wanted) => (checkout) => setUpProgram(checkout, wanted));
const stepsFor = { '--packages-only': packageSteps, '--grid-only': gridSteps, '--vm': [...gridSteps, setUpMachine] };
const steps = stepsFor[process.argv[2]] ?? [...gridSteps, setUpPostgres, setUpRegistry, setUpPython, ...testPrograms];

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
