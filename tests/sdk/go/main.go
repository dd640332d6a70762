// A microservice written with the unmodified Go SDK: fetches its configuration, sends messages over REST
// and the message socket, and receives them over both. Usage: sdkclient HOST PORT MESSAGES
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	sdk "github.com/eclipse-iofog/iofog-go-sdk/v3/pkg/microservices"
)

const patience = 30 * time.Second

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	port, err := strconv.Atoi(os.Args[2])
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(os.Args[3])
	if err != nil {
		return err
	}
	client, err := sdk.NewIoFogClient(os.Getenv("SELFNAME"), false, os.Args[1], port)
	if err != nil {
		return err
	}
	config, err := client.GetConfig()
	if err != nil {
		return fmt.Errorf("config: %w", err)
	}
	fmt.Println("config", config["rate"])
	if err := rest(client); err != nil {
		return fmt.Errorf("rest: %w", err)
	}
	return socket(client, count)
}

func message(number int) *sdk.IoMessage {
	return &sdk.IoMessage{
		SequenceNumber: number,
		InfoType:       "text",
		InfoFormat:     "utf-8",
		ContentData:    []byte(strconv.Itoa(number)),
		ContextData:    []byte{},
	}
}

// One message by POST, taken back by polling and by a query.
func rest(client *sdk.IoFogClient) error {
	receipt, err := client.PostMessage(message(1000))
	if err != nil {
		return err
	}
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		messages, err := client.GetNextMessages()
		if err != nil {
			return err
		}
		if len(messages) == 0 {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if messages[0].ID != receipt.ID || string(messages[0].ContentData) != "1000" {
			return fmt.Errorf("took %q with id %q", messages[0].ContentData, messages[0].ID)
		}
		query := &sdk.MessagesQueryParameters{
			TimeFrameStart: receipt.Timestamp - 1000,
			TimeFrameEnd:   receipt.Timestamp + 1000,
			Publishers:     []string{os.Getenv("SELFNAME")},
		}
		found, err := client.GetMessagesFromPublishersWithinTimeFrame(query)
		if err != nil {
			return err
		}
		fmt.Println("rest ok, query finds", len(found.Messages))
		return nil
	}
	return fmt.Errorf("nothing arrived")
}

// Messages over the socket, each with its receipt, arriving in order.
func socket(client *sdk.IoFogClient, count int) error {
	client.EstablishControlWsConnection(0)
	incoming, receipts := client.EstablishMessageWsConnection(0, 0)
	deadline := time.After(patience)
	for sent := 0; sent < count; {
		// The SDK connects in the background; until then sending fails.
		if err := client.SendMessageViaSocket(message(sent)); err != nil {
			select {
			case <-deadline:
				return fmt.Errorf("send: %w", err)
			case <-time.After(50 * time.Millisecond):
			}
			continue
		}
		sent++
	}
	got, confirmed := 0, 0
	for got < count || confirmed < count {
		select {
		case one := <-incoming:
			text := string(one.(*sdk.IoMessage).ContentData)
			if text != strconv.Itoa(got) {
				return fmt.Errorf("expected %d, received %s", got, text)
			}
			got++
		case one := <-receipts:
			if len(one.(*sdk.PostMessageResponse).ID) != 32 {
				return fmt.Errorf("receipt %v", one)
			}
			confirmed++
		case <-deadline:
			return fmt.Errorf("%d of %d received, %d receipts", got, count, confirmed)
		}
	}
	fmt.Println("socket ok, received and confirmed", count)
	return nil
}
