import type { Migrations } from '@onbehalf/service-kit'
import * as providers from './0001-providers.ts'

export const migrations: Migrations = { '0001-providers': providers }
