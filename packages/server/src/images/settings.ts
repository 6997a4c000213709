/** Which images the server takes, and what it does with them. */
import { type ConfigOf, parseString, type Settings } from '@kolejka/program';
import { GridError, parseDuration } from '@kolejka/protocol';
import { parseList } from '../config-values.ts';
import { type NameMap, parseNameMap, parsePattern, type Pattern, printNameMap, printPattern } from './pattern.ts';
import { parseReference } from './reference.ts';

const env = (name: string) => `KOLEJKA_SERVER_${name}`;

export const IMAGE_SETTINGS = {
  image_name_maps: {
    parse: (text: unknown, field: string): NameMap[] => parseList(text, field).map((map) => parseNameMap(map, field)),
    default: [] as NameMap[],
    print: (maps: NameMap[]) => maps.map(printNameMap),
    env: env('IMAGE_NAME_MAPS'),
    about:
      'what images are called here, FROM => TO separated by commas or lines; a * of TO is what the same * of FROM stands for; none',
  },
  allowed_images: {
    parse: parsePatterns,
    default: [['', '']] as Pattern[],
    print: printPatterns,
    env: env('ALLOWED_IMAGES'),
    about: 'images that tasks may name, after the maps: patterns separated by commas or lines; any, *',
  },
  local_images: {
    parse: parsePatterns,
    default: [] as Pattern[],
    print: printPatterns,
    env: env('LOCAL_IMAGES'),
    about: 'images that every node has, which do not go through image_registry: patterns as above; none',
  },
  image_registry: {
    parse: parseRegistry,
    default: undefined,
    env: env('IMAGE_REGISTRY'),
    about:
      'HOST[:PORT] of a registry: the server pulls the image of a task with Docker, pushes it there, and tasks name it there by its digest',
  },
  image_registry_name: {
    parse: parseRegistryName,
    default: 'kolejka_task',
    env: env('IMAGE_REGISTRY_NAME'),
    about: 'what the images of tasks are called in image_registry, kolejka_task',
  },
  image_registry_username: {
    parse: parseString,
    default: undefined,
    env: env('IMAGE_REGISTRY_USERNAME'),
    about: 'with whose name the server pushes to image_registry',
  },
  image_registry_password: {
    parse: parseString,
    default: undefined,
    env: env('IMAGE_REGISTRY_PASSWORD'),
    secret: true,
    about: 'the password of that name',
  },
  image_timeout: {
    parse: parsePatience,
    default: 600_000,
    env: env('IMAGE_TIMEOUT'),
    about: 'longest time to pull an image and to push it, 10M (ten minutes)',
  },
  docker_socket: {
    parse: parseString,
    default: undefined,
    env: env('DOCKER_SOCKET'),
    about: 'socket of the Docker engine that pulls and pushes; DOCKER_HOST, else /var/run/docker.sock',
  },
} as const satisfies Settings;

export type ImageSettings = ConfigOf<typeof IMAGE_SETTINGS>;

function parsePatterns(text: unknown, field: string): Pattern[] {
  return parseList(text, field).map((pattern) => parsePattern(pattern, field));
}

function printPatterns(patterns: readonly Pattern[]): string[] {
  return patterns.map(printPattern);
}

/** What goes before a name must make a name of it. @throws GridError `bad-value` */
function parseRegistry(text: unknown, field: string): string {
  const registry = parseString(text, field);
  if (isNamed(`${registry}/name`) && /^[^/]*[.:]|^localhost/.test(registry)) return registry;
  throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is not HOST[:PORT] of a registry`, { field });
}

function parseRegistryName(text: unknown, field: string): string {
  const name = parseString(text, field);
  if (isNamed(`localhost/${name}`) && !/[:@]/.test(name)) return name;
  throw new GridError('bad-value', `${field}: ${JSON.stringify(text)} is not a name of an image without a tag`, {
    field,
  });
}

function isNamed(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch {
    return false; // A malformed name is the only thing it throws.
  }
}

/** @throws GridError `bad-value` */
function parsePatience(text: unknown, field: string): number {
  const milliseconds = parseDuration(text, field);
  if (milliseconds >= 1000 && milliseconds <= 24 * 3_600_000) return milliseconds;
  throw new GridError('bad-value', `${field}: expected a second to a day`, { field });
}
