import type { Migrations } from '@onbehalf/service-kit'
import * as deviceSignIn from './0001-device-sign-in.ts'
import * as audit from './0002-audit.ts'
import * as keyRotation from './0010-key-rotation.ts'
import * as deviceSettings from './0011-device-settings.ts'
import * as webhook from './0012-webhook.ts'
import * as approvalMaxAge from './0013-approval-max-age.ts'

export const migrations: Migrations = {
  '0001-device-sign-in': deviceSignIn,
  '0002-audit': audit,
  '0010-key-rotation': keyRotation,
  '0011-device-settings': deviceSettings,
  '0012-webhook': webhook,
  '0013-approval-max-age': approvalMaxAge
}
