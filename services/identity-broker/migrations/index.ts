import type { Migrations } from '@onbehalf/service-kit'
import * as people from './0001-people.ts'
import * as grants from './0002-grants.ts'
import * as apps from './0003-apps.ts'
import * as connections from './0004-connections.ts'
import * as sessions from './0005-sessions.ts'
import * as audit from './0006-audit.ts'
import * as audiences from './0009-audiences.ts'
import * as refusals from './0012-refusals.ts'
import * as membership from './0016-people.ts'
import * as issuance from './0018-issuance.ts'
import * as keyRotation from './0020-key-rotation.ts'
import * as links from './0023-links.ts'
import * as saml from './0024-saml.ts'
import * as grantIndexes from './0025-grant-indexes.ts'
import * as rotationRoom from './0026-rotation-room.ts'
import * as identified from './0027-identified.ts'
import * as issuanceWrites from './0028-issuance-writes.ts'
import * as issuanceRoom from './0029-issuance-room.ts'
import * as suspectedQuirks from './0030-suspected-quirks.ts'
import * as linksEnded from './0031-links-ended.ts'
import * as saidBy from './0032-said-by.ts'
import * as saidAs from './0033-said-as.ts'
import * as scopeQuirk from './0034-scope-quirk.ts'
import * as authTime from './0035-auth-time.ts'

export const migrations: Migrations = {
  '0001-people': people,
  '0002-grants': grants,
  '0003-apps': apps,
  '0004-connections': connections,
  '0005-sessions': sessions,
  '0006-audit': audit,
  '0009-audiences': audiences,
  '0012-refusals': refusals,
  '0016-people': membership,
  '0018-issuance': issuance,
  '0020-key-rotation': keyRotation,
  '0023-links': links,
  '0024-saml': saml,
  '0025-grant-indexes': grantIndexes,
  '0026-rotation-room': rotationRoom,
  '0027-identified': identified,
  '0028-issuance-writes': issuanceWrites,
  '0029-issuance-room': issuanceRoom,
  '0030-suspected-quirks': suspectedQuirks,
  '0031-links-ended': linksEnded,
  '0032-said-by': saidBy,
  '0033-said-as': saidAs,
  '0034-scope-quirk': scopeQuirk,
  '0035-auth-time': authTime
}
