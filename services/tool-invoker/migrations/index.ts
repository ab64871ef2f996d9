import type { Migrations } from '@onbehalf/service-kit'
import * as calls from './0001-calls.ts'

export const migrations: Migrations = { '0001-calls': calls }
