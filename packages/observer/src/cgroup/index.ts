export * from './cgroups.ts';
