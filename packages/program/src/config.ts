/**
 * Configuration: `kolejka.conf` (INI, the original's file), environment and flags through one table.
 *
 * Each program has a table of its values: how to parse one, its default, its environment variable, whether it is
 * secret, a sentence. A flag wins over the environment, that over the program's section of the file, that over its
 * `[default]` section, that over the default. (The original lets the file win over flags.) An unknown key or a bad
 * value stops the start and is named; `[default]` serves several programs, so unknown keys there are left alone.
 */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { GridError } from '@kolejka/protocol';
import { type ConfFile, parseConfFile } from './conf-file.ts';

export interface Setting<Value> {
  /** From the text of the file, environment or flag. Throws GridError `bad-value`. */
  parse: (text: unknown, field: string) => Value;
  default?: Value;
  /** As it is shown, where a reader would not know the parsed value again. */
  print?(value: Value): unknown;
  /** Name of the environment variable. */
  env?: string;
  secret?: true;
  about: string;
}

export type Settings = Record<string, Setting<unknown>>;

export type ConfigOf<Table extends Settings> = {
  [Name in keyof Table]: Table[Name] extends { default: infer Value }
    ? Exclude<ReturnType<Table[Name]['parse']>, undefined> | Value
    : ReturnType<Table[Name]['parse']> | undefined;
};

export interface ConfigSource {
  /** The program's usual section of the file. */
  section: string;
  /** The section of `--config`, in its place; this one must be there. */
  chosen?: string | undefined;
  /** Values from the command line, by the table's names; undefined is not given. */
  flags?: Record<string, unknown>;
  /** How the command line calls what is not the flag of its name. */
  called?: Record<string, string>;
  env?: NodeJS.ProcessEnv;
  /** What begins so in the environment is meant for this program: a name that is not in the table is refused. */
  envPrefix?: string;
  /** The file of `--config-file`; without it the usual directories are searched. */
  file?: string | undefined;
}

/** Where `kolejka.conf` is looked for: the user's and the system's configuration directories, as the original. */
export function configDirectories(env: NodeJS.ProcessEnv = process.env): string[] {
  // The XDG specification: a variable that is empty counts as one that is not set.
  const user = env['XDG_CONFIG_HOME'] || path.join(env['HOME'] || homedir(), '.config');
  const system = (env['XDG_CONFIG_DIRS'] || '/etc/xdg').split(':').map((directory) => path.join(directory, 'kolejka'));
  return [path.join(user, 'kolejka'), '/etc/kolejka', ...system];
}

function findFile(env: NodeJS.ProcessEnv): string | undefined {
  return configDirectories(env)
    .map((directory) => path.join(directory, 'kolejka.conf'))
    .find(isFile);
}

/** After `su` or `sudo` HOME may still be that of somebody else. To go on without its file could be to go on without ours. */
function isFile(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GridError('bad-config', `${file} cannot be looked for (${code}): name a file with --config-file.`, {
      cause,
    });
  }
}

function readConfFile(file: string | undefined): ConfFile {
  if (file === undefined) return new Map();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new GridError('bad-config', `The configuration file ${file} cannot be read (${code}).`, { cause });
  }
  return parseConfFile(text, file);
}

function usedFile({ file, env = process.env }: Pick<ConfigSource, 'file' | 'env'>): string | undefined {
  return file ?? (env['KOLEJKA_CONFIG_FILE'] || undefined) ?? findFile(env);
}

/** Values here hold for every section that does not give its own; `config` in it names the section clients use. */
const SHARED_SECTION = 'default';

/**
 * The section a user chose, as the original does: `--config NAME`, else `config = NAME` in `[default]`, else `usual`.
 * @throws GridError `bad-config` when the chosen section is not in the file
 */
export function chooseSection(
  flag: string | undefined,
  usual: string,
  source: Pick<ConfigSource, 'file' | 'env'>,
): string {
  const file = usedFile(source);
  const sections = readConfFile(file);
  const chosen = flag ?? sections.get(SHARED_SECTION)?.get('config');
  if (chosen !== undefined) refuseAbsent(chosen, sections, file);
  return chosen ?? usual;
}

function refuseAbsent(chosen: string, sections: ConfFile, file: string | undefined): void {
  if (sections.has(chosen)) return;
  const where = file === undefined ? 'there is no configuration file' : `${file} has no section [${chosen}]`;
  throw new GridError('bad-config', `The configuration ${chosen} cannot be used: ${where}.`, { field: 'config' });
}

/**
 * The values of one program.
 * @throws GridError `bad-config` naming the value and where it comes from
 */
export function readConfig<const Table extends Settings>(table: Table, source: ConfigSource): ConfigOf<Table> {
  const env = source.env ?? process.env;
  const file = usedFile(source);
  const sections = readConfFile(file);
  if (source.chosen !== undefined) refuseAbsent(source.chosen, sections, file);
  const section = source.chosen ?? source.section;
  const own = sections.get(section);
  const unknown = [...(own?.keys() ?? [])].find((key) => !Object.hasOwn(table, key));
  if (unknown !== undefined) {
    throw new GridError('bad-config', `${file}: [${section}] has an unknown key "${unknown}".`, {
      field: unknown,
    });
  }
  refuseUnknown(env, table, source.envPrefix);
  const config: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(table)) {
    const given = [
      { value: source.flags?.[name], from: source.called?.[name] ?? `--${name.replaceAll('_', '-')}` },
      { value: setting.env === undefined ? undefined : env[setting.env], from: setting.env ?? '' },
      { value: own?.get(name), from: `${file}: [${section}] ${name}` },
      { value: sections.get(SHARED_SECTION)?.get(name), from: `${file}: [${SHARED_SECTION}] ${name}` },
    ].find(({ value }) => value !== undefined && value !== '');
    config[name] = given === undefined ? setting.default : parseGiven(setting, given.value, given.from);
  }
  return config as ConfigOf<Table>;
}

/** Docker and Kubernetes tell of a service called kolejka-server in variables of these names. */
const OF_SERVICES = /^(PORT|SERVICE)(_|$)/;

/** A misspelt variable would quietly be the default. */
function refuseUnknown(env: NodeJS.ProcessEnv, table: Settings, prefix: string | undefined): void {
  if (prefix === undefined) return;
  const known = new Set(Object.values(table).map((setting) => setting.env));
  const isOurs = (name: string) => name.startsWith(prefix) && !OF_SERVICES.test(name.slice(prefix.length));
  const unknown = Object.keys(env).find((name) => isOurs(name) && !known.has(name));
  if (unknown === undefined) return;
  throw new GridError('bad-config', `The environment has ${unknown}, which is no setting.`, { field: unknown });
}

function parseGiven(setting: Setting<unknown>, value: unknown, from: string): unknown {
  try {
    return setting.parse(value, from);
  } catch (thrown) {
    if (!(thrown instanceof GridError)) throw thrown;
    // What was given is not shown, so what should have been is.
    const message = setting.secret === true ? `${from}: not a usable value (${setting.about})` : thrown.message;
    throw new GridError('bad-config', message, { field: from });
  }
}

/** The values as they may be logged: secrets are dots. */
export function withoutSecrets(table: Settings, config: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, table[name]?.secret === true ? '•••' : (table[name]?.print?.(value) ?? value)]),
  );
}

/** A setting that is any text. */
export function parseString(text: unknown, field: string): string {
  if (typeof text === 'string') return text;
  throw new GridError('bad-value', `${field}: expected a text`, { field });
}
