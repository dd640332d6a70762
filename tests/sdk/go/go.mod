module sdkclient

go 1.21

require github.com/eclipse-iofog/iofog-go-sdk/v3 v3.1.0

require (
	github.com/eapache/channels v1.1.0 // indirect
	github.com/eapache/queue v1.1.0 // indirect
	github.com/gorilla/websocket v1.4.2 // indirect
)
