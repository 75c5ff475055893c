import { labelUnknown, type Registry } from './registry.ts'

/** Types of an Attributes payload, draft-dukes-ike-mode-cfg §3.2 */
export const ConfigurationType = {
  ISAKMP_CFG_REQUEST: { id: 1, reference: 'draft-dukes-ike-mode-cfg' },
  ISAKMP_CFG_REPLY: { id: 2, reference: 'draft-dukes-ike-mode-cfg' },
  ISAKMP_CFG_SET: { id: 3, reference: 'draft-dukes-ike-mode-cfg' },
  ISAKMP_CFG_ACK: { id: 4, reference: 'draft-dukes-ike-mode-cfg' },
} as const satisfies Registry

/** What an Attributes payload can hold: configuration, what Cisco added to it, and XAuth. */
export const ConfigurationAttribute = {
  INTERNAL_IP4_ADDRESS: { id: 1, reference: 'draft-dukes-ike-mode-cfg' },
  INTERNAL_IP4_NETMASK: { id: 2, reference: 'draft-dukes-ike-mode-cfg' },
  INTERNAL_IP4_DNS: { id: 3, reference: 'draft-dukes-ike-mode-cfg' },
  INTERNAL_IP4_NBNS: { id: 4, reference: 'draft-dukes-ike-mode-cfg' },
  INTERNAL_ADDRESS_EXPIRY: { id: 5, reference: 'draft-dukes-ike-mode-cfg' },
  INTERNAL_IP4_DHCP: { id: 6, reference: 'draft-dukes-ike-mode-cfg' },
  APPLICATION_VERSION: { id: 7, reference: 'draft-dukes-ike-mode-cfg' },
  INTERNAL_IP6_ADDRESS: { id: 8, reference: 'draft-dukes-ike-mode-cfg' },
  INTERNAL_IP6_NETMASK: { id: 9, reference: 'draft-dukes-ike-mode-cfg' },
  INTERNAL_IP6_DNS: { id: 10, reference: 'draft-dukes-ike-mode-cfg' },
  INTERNAL_IP6_NBNS: { id: 11, reference: 'draft-dukes-ike-mode-cfg' },
  INTERNAL_IP6_DHCP: { id: 12, reference: 'draft-dukes-ike-mode-cfg' },
  INTERNAL_IP4_SUBNET: { id: 13, reference: 'draft-dukes-ike-mode-cfg' },
  SUPPORTED_ATTRIBUTES: { id: 14, reference: 'draft-dukes-ike-mode-cfg' },
  INTERNAL_IP6_SUBNET: { id: 15, reference: 'draft-dukes-ike-mode-cfg' },
  XAUTH_TYPE: { id: 16520, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_USER_NAME: { id: 16521, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_USER_PASSWORD: { id: 16522, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_PASSCODE: { id: 16523, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_MESSAGE: { id: 16524, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_CHALLENGE: { id: 16525, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_DOMAIN: { id: 16526, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_STATUS: { id: 16527, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_NEXT_PIN: { id: 16528, reference: 'draft-beaulieu-ike-xauth' },
  XAUTH_ANSWER: { id: 16529, reference: 'draft-beaulieu-ike-xauth' },
  UNITY_BANNER: { id: 28672, reference: 'of Cisco' },
  UNITY_SAVE_PASSWD: { id: 28673, reference: 'of Cisco' },
  UNITY_DEF_DOMAIN: { id: 28674, reference: 'of Cisco' },
  UNITY_SPLIT_DNS: { id: 28675, reference: 'of Cisco' },
  UNITY_SPLIT_INCLUDE: { id: 28676, reference: 'of Cisco' },
  UNITY_NATT_PORT: { id: 28677, reference: 'of Cisco' },
  UNITY_LOCAL_LAN: { id: 28678, reference: 'of Cisco' },
  UNITY_PFS: { id: 28679, reference: 'of Cisco' },
  UNITY_FW_TYPE: { id: 28680, reference: 'of Cisco' },
  UNITY_BACKUP_SERVERS: { id: 28681, reference: 'of Cisco' },
  UNITY_DDNS_HOSTNAME: { id: 28682, reference: 'of Cisco' },
} as const satisfies Registry

/** Values of XAUTH_TYPE */
export const XauthType = {
  GENERIC: { id: 0, reference: 'draft-beaulieu-ike-xauth' },
  RADIUS_CHAP: { id: 1, reference: 'draft-beaulieu-ike-xauth' },
  OTP: { id: 2, reference: 'draft-beaulieu-ike-xauth' },
  S_KEY: { id: 3, reference: 'draft-beaulieu-ike-xauth' },
} as const satisfies Registry

labelUnknown(ConfigurationType, 'CFG')
labelUnknown(ConfigurationAttribute, 'ATTRIBUTE')
labelUnknown(XauthType, 'XAUTH')
