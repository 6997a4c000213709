/** The drill by hand: `node --conditions=kolejka-source packages/server/test/crash/main.ts --kills 300 --seed 1`. */
import { parseArgs } from 'node:util';
import { runDrill } from './drill.ts';

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '300' }, seed: { type: 'string', default: '1' } },
});
const kills = Number(values.kills);
if (!Number.isInteger(kills) || kills < 1) throw new Error(`--kills: ${values.kills} is not a number of kills`);
const { figures, wrong } = await runDrill({ kills, seed: values.seed });
for (const sentence of wrong.slice(0, 50)) console.error(sentence);
console.log(JSON.stringify({ seed: values.seed, ...figures }));
process.exitCode = wrong.length === 0 ? 0 : 1;
