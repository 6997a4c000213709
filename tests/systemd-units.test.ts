import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { ROOT } from './command.ts';
import { setUpProgram } from './set-up-program.ts';

const { program, libraries, missing } = setUpProgram('systemd-analyze');
const whenThere = missing === undefined ? test : test.skip;

const units = readdirSync(path.join(ROOT, 'packages')).flatMap((name) => {
  const directory = path.join(ROOT, 'packages', name);
  if (!readdirSync(directory).includes('systemd')) return [];
  return readdirSync(path.join(directory, 'systemd')).map((file) => path.join(directory, 'systemd', file));
});

/** What systemd has to say of a unit. Its exit status is 0 also when it found faults. */
function verify(file: string): string {
  // An unpacked systemd brings the units that others are ordered by.
  const own = {
    LD_LIBRARY_PATH: libraries.join(':'),
    SYSTEMD_UNIT_PATH: path.join(program, '../../../lib/systemd/system'),
  };
  const env = { ...process.env, ...(libraries.length > 0 && own) };
  const { error, stdout, stderr } = spawnSync(program, ['verify', file], { env, encoding: 'utf8' });
  if (error !== undefined) throw error;
  return stdout + stderr;
}

for (const unit of units) {
  whenThere(`systemd finds no fault in ${path.basename(unit)}`, (t) => {
    t.is(verify(unit), '');
    t.teardown(() => rmSync(directory, { recursive: true }));
    const directory = mkdtempSync(path.join(tmpdir(), 'kolejka-unit-'));
    const wrong = path.join(directory, path.basename(unit));
    writeFileSync(wrong, readFileSync(unit, 'utf8').replace(/KillMode=\w+/, 'KillMode=sometimes'));
    t.regex(verify(wrong), /Failed to parse kill mode/, 'it would have said so');
  });
}

test('the observer and the foreman have units', (t) => {
  t.deepEqual(
    units.map((unit) => path.basename(unit)),
    ['kolejka-foreman.service', 'kolejka-observer.service'],
  );
});
