import { printable, printTable } from '@kolejka/program';
import test from 'ava';

test('hostile input 60: what a terminal would act on is written out', (t) => {
  const cases: [string, string][] = [
    ['\x1b[2Jgone', '\\x1b[2Jgone'],
    ['\x9b31mred', '\\x9b31mred'],
    ['\x1b]0;title\x07', '\\x1b]0;title\\x07'],
    ['one\r\ntwo\ttabs', 'one\\x0d\\x0atwo\\x09tabs'],
    ['safe\u202egpj.exe', 'safe\\u{202e}gpj.exe'],
    ['half \ud800', 'half \\u{d800}'],
    ['zażółć 漢字 🙂', 'zażółć 漢字 🙂'],
  ];
  for (const [text, printed] of cases) t.is(printable(text), printed);
});

test('a table has columns as wide as they need, and one line for each row', (t) => {
  t.is(
    printTable(
      ['name', 'a'],
      [
        ['kim', 'x\ny'],
        ['somebody', ''],
      ],
    ),
    'name      a\nkim       x\\x0ay\nsomebody\n',
  );
});
