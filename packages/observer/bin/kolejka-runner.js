#!/usr/bin/env node
import { launch } from '@kolejka/program/launch';

await launch(import.meta.url, 'run');
