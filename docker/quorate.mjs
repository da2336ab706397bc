#!/usr/bin/env node
/** The command `quorate` in the image: `docker compose exec n1 quorate status`. */
import { start } from '../src/cli/start.ts'

await start(process.argv.slice(2), undefined)
