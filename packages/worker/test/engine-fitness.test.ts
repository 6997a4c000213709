import { GridError } from '@kolejka/protocol';
import test from 'ava';
import Docker from 'dockerode';
import { type Engine, openEngine } from '../src/engine.ts';
import { requireFit } from '../src/engine-fitness.ts';

const FIT: Engine = {
  docker: new Docker(),
  name: 'Docker',
  version: '20.10.24',
  cgroupDriver: 'cgroupfs',
  cgroupVersion: '2',
  storageDriver: 'overlay2',
  directory: '/var/lib/docker',
  runtimes: ['runc'],
  isRootless: false,
};

const UNFIT: [what: string, engine: Partial<Engine>, version: 1 | 2, says: RegExp][] = [
  ['one without root', { isRootless: true }, 2, /Docker 20\.10\.24 .* runs without root .*unset DOCKER_HOST/],
  ['one too old for cgroup v2', { cgroupVersion: undefined }, 2, /does not know cgroup v2.*install a newer one/],
  ['one of another machine', { cgroupVersion: '2' }, 1, /sees cgroup v2 .*must run on one machine/],
  ['one without a cgroup driver', { cgroupDriver: 'none' }, 2, /"none"; put .*native\.cgroupdriver=cgroupfs/],
  [
    'one whose groups systemd makes on cgroup v1',
    { cgroupDriver: 'systemd', cgroupVersion: '1' },
    1,
    /"systemd", .*put .*daemon\.json/,
  ],
  [
    'Podman without cgroups',
    { name: 'Podman', cgroupDriver: 'none' },
    2,
    /cgroup_manager = "cgroupfs" .*containers\.conf/,
  ],
];
for (const [what, engine, version, says] of UNFIT) {
  test(`an engine that is not fit is refused with what to do: ${what}`, (t) => {
    const error = t.throws(() => requireFit({ ...FIT, ...engine }, version), { instanceOf: GridError });
    t.is(error?.code, 'node-unfit');
    t.regex(error?.message ?? '', says);
  });
}

test('both cgroup drivers are fit on cgroup v2, and the one by hand on v1', (t) => {
  t.notThrows(() => requireFit(FIT, 2));
  t.notThrows(() => requireFit({ ...FIT, cgroupDriver: 'systemd' }, 2));
  t.notThrows(() => requireFit({ ...FIT, cgroupVersion: '1' }, 1));
  t.notThrows(() => requireFit({ ...FIT, cgroupVersion: undefined }, 1), 'Docker before 20.10 says no version');
});

test('the engine that runs here says its name, version and cgroup driver', async (t) => {
  const { name, version, cgroupDriver, isRootless } = await openEngine();
  t.regex(name, /^(Docker|Podman)$/);
  t.regex(version, /^\d+\.\d+/);
  t.regex(cgroupDriver, /^(cgroupfs|systemd)$/);
  t.false(isRootless);
});
