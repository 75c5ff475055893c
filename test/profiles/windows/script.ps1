<# sets the VPN up
   Remove-Item C:\ #>
$server = 'vpn.example.net'
Remove-VpnConnection -Name 'Corp' -Force
Add-VpnConnection -Name 'Corp' -ServerAddress "vpn.example.net" -TunnelType Ikev2 `
  -AuthenticationMethod MachineCertificate -SplitTunneling -DnsSuffix corp.example.net -PassThru
Add-VpnConnectionRoute -ConnectionName 'Corp' -DestinationPrefix 10.0.0.0/8
Add-VpnConnectionRoute -ConnectionName Corp -DestinationPrefix 172.16.0.0/12
Set-VpnConnectionIPsecConfiguration -ConnectionName 'Corp' -AuthenticationTransformConstants GCMAES256 -CipherTransformConstants GCMAES256 -DHGroup ECP384 -EncryptionMethod GCMAES256 -IntegrityCheckMethod SHA384 -PfsGroup ECP384 -Force
Add-VpnConnection -Name 'Computed' -ServerAddress 'b.example.net' -TunnelType L2tp -L2tpPsk $psk -EncryptionLevel Required
