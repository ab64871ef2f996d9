import type { Migrations } from '@onbehalf/service-kit'
import * as deviceSignIn from './0001-device-sign-in.ts'

export const migrations: Migrations = {
  '0001-device-sign-in': deviceSignIn
}
