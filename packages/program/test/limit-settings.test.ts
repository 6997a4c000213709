import { GridError, LIMIT_NAMES } from '@kolejka/protocol';
import test from 'ava';
import { Command } from 'commander';
import { addLimitFlags, flagValues, limitSettings, limitsIn } from '../src/limit-settings.ts';

test('every limit has a setting that names the flag or key at fault', (t) => {
  const settings = limitSettings('task', 'ceiling');
  t.deepEqual(Object.keys(settings), [...LIMIT_NAMES]);
  t.is(settings.memory.parse('64M', '--memory'), 64 * 1024 ** 2);
  t.throws(() => settings.cpus.parse('0', '--cpus'), { instanceOf: GridError, message: /^--cpus:/ });
  t.is(limitSettings('budget', 'offer').cpus.parse('0', '--cpus'), 0, 'a node may offer nothing');
});

test('a flag of every limit comes back under the name of its setting', (t) => {
  const command = addLimitFlags(new Command(), 'ceiling');
  command.parse(['--gpu-memory', '2G', '--network', 'yes'], { from: 'user' });
  const values = flagValues(command.opts(), LIMIT_NAMES);
  t.like(values, { gpu_memory: '2G', network: 'yes', cpus: undefined });
});

test('limits are those values of a configuration that are there', (t) => {
  t.deepEqual(limitsIn({ memory: 1, cpus: undefined, temp: '/tmp', network: false }), { memory: 1, network: false });
});

test('regression: a network is switched off by every word that means it, and other words are refused', (t) => {
  const { network } = limitSettings('task', 'ceiling');
  for (const no of ['off', 'no', 'False', '0', ' no ']) t.false(network.parse(no, 'network'));
  for (const yes of ['on', 'yes', 'True', '1']) t.true(network.parse(yes, 'network'));
  for (const word of ['none', 'nein', '']) {
    t.throws(() => network.parse(word, 'limit_network'), {
      instanceOf: GridError,
      message: /^limit_network: .* neither yes nor no/,
    });
  }
});
