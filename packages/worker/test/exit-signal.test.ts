import test from 'ava';
import { exitSignal } from '../src/exit-signal.ts';

const CASES: [number, string | undefined][] = [
  [0, undefined],
  [127, undefined],
  [128, undefined],
  [134, 'SIGABRT'],
  [137, 'SIGKILL'],
  [139, 'SIGSEGV'],
  [157, 'SIGIO'],
  [160, 'SIG32'],
  [162, 'SIGRTMIN'],
  [192, 'SIGRTMIN+30'],
  [193, undefined],
  [255, undefined],
];

for (const [code, signal] of CASES) {
  test(`an exit code of ${code} tells of ${signal ?? 'no signal'}`, (t) => t.is(exitSignal(code), signal));
}
