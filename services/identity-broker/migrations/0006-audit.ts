export { createAuditTable as up, dropAuditTable as down } from '@onbehalf/service-kit'
