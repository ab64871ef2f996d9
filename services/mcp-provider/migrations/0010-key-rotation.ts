export { addKeyRotation as up, dropKeyRotation as down } from '@onbehalf/service-kit'
