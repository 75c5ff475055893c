Add-VpnConnection -Name a -ServerAddress $server
