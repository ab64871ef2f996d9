import type { Migrations } from '@onbehalf/service-kit'
import * as providers from './0001-providers.ts'
import * as audit from './0002-audit.ts'
import * as keyRotation from './0010-key-rotation.ts'
import * as idToken from './0011-id-token.ts'
import * as toolReview from './0012-tool-review.ts'
import * as oauth from './0013-oauth.ts'
import * as schedule from './0014-schedule.ts'
import * as toolWatches from './0015-tool-watches.ts'
import * as redirectUri from './0016-redirect-uri.ts'
import * as keptArguments from './0017-kept-arguments.ts'
import * as revocations from './0018-revocations.ts'
import * as clientExpiry from './0019-client-expiry.ts'
import * as revocationsOfTenants from './0020-revocations-of-tenants.ts'
import * as refusedRenewals from './0021-refused-renewals.ts'
import * as clientsOfOldReplicas from './0022-clients-of-old-replicas.ts'
import * as withheldScopes from './0023-withheld-scopes.ts'
import * as toolBytes from './0024-tool-bytes.ts'

export const migrations: Migrations = {
  '0001-providers': providers,
  '0002-audit': audit,
  '0010-key-rotation': keyRotation,
  '0011-id-token': idToken,
  '0012-tool-review': toolReview,
  '0013-oauth': oauth,
  '0014-schedule': schedule,
  '0015-tool-watches': toolWatches,
  '0016-redirect-uri': redirectUri,
  '0017-kept-arguments': keptArguments,
  '0018-revocations': revocations,
  '0019-client-expiry': clientExpiry,
  '0020-revocations-of-tenants': revocationsOfTenants,
  '0021-refused-renewals': refusedRenewals,
  '0022-clients-of-old-replicas': clientsOfOldReplicas,
  '0023-withheld-scopes': withheldScopes,
  '0024-tool-bytes': toolBytes
}
