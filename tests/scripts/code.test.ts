import test from 'ava';
import { importsOf, withoutTexts } from '../../scripts/check/code.ts';

const IMPORTS: [string, string, boolean][] = [
  ["import { a } from './a.ts';", './a.ts', false],
  ["import type { A } from './a.ts';", './a.ts', true],
  ["import { type A, b } from './a.ts';", './a.ts', false],
  ["import './a.ts';", './a.ts', false],
  ["export * from './a.ts';", './a.ts', false],
  ["export type { A } from './a.ts';", './a.ts', true],
  ["const a = await import('./a.ts');", './a.ts', false],
  ["import {\n  a,\n  type B,\n} from '@kolejka/protocol';", '@kolejka/protocol', false],
  ["import a, * as b from 'node:fs';", 'node:fs', false],
];

for (const [source, specifier, onlyTypes] of IMPORTS) {
  test(`${source.replaceAll('\n', ' ')} is seen`, (t) => t.deepEqual(importsOf(source), [{ specifier, onlyTypes }]));
}

test('several imports are told apart', (t) => {
  const source = "import type { A } from './a.ts';\nimport { b } from './b.ts';\nexport { c } from './c.ts';";
  t.deepEqual(
    importsOf(source).map(({ specifier, onlyTypes }) => `${specifier} ${onlyTypes}`),
    ['./a.ts true', './b.ts false', './c.ts false'],
  );
});

test('imports in comments and texts are none', (t) => {
  t.deepEqual(
    importsOf("// import './a.ts'\n/* import './b.ts' */\nconst c = `import './c.ts'` + \"import './d.ts'\";"),
    [],
  );
});

test('a text that looks like a comment hides no import', (t) => {
  t.deepEqual(
    importsOf("const url = 'http://x';\nimport { a } from './a.ts';").map(({ specifier }) => specifier),
    ['./a.ts'],
  );
});

test('comments and texts are blanked out, and lines stay where they are', (t) => {
  t.is(withoutTexts("a('job') // runner\n/* job\n */ b"), 'a(     )          \n      \n    b');
});
