import type { Migrations } from '@onbehalf/service-kit'
import * as providers from './0001-providers.ts'
import * as audit from './0002-audit.ts'

export const migrations: Migrations = { '0001-providers': providers, '0002-audit': audit }
