package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// The load generator is a process of its own, so that the CPU time of this one
// is the server's alone. It gets one order a line and answers each with a line.

// order is a number of requests to send over kept-alive connections.
type order struct {
	Addr, Path string
	Header     string // whole lines, with their ends
	Requests   int
	Conns      int
	Status     int // demanded
	Length     int // demanded, of the body
}

type reply struct{ Err string }

// generator is a running load generator.
type generator struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	enc *json.Encoder
	dec *json.Decoder
}

func (b *bench) startLoad() (*generator, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(b.ctx, program, "-load") //nolint:gosec // ourselves
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &generator{cmd, in, json.NewEncoder(in), json.NewDecoder(out)}, cmd.Start()
}

func (g *generator) send(o order) error {
	if err := g.enc.Encode(o); err != nil {
		return err
	}
	var r reply
	if err := g.dec.Decode(&r); err != nil {
		return err
	}
	if r.Err != "" {
		return fmt.Errorf("load: %s", r.Err)
	}
	return nil
}

func (g *generator) stop() error {
	if err := g.in.Close(); err != nil {
		return err
	}
	return g.cmd.Wait()
}

// serveLoad carries out orders until its input ends.
func serveLoad(in io.Reader, out io.Writer) error {
	dec, enc := json.NewDecoder(in), json.NewEncoder(out)
	conns := map[string][]*client{}
	for {
		var o order
		if err := dec.Decode(&o); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		var r reply
		if err := o.carryOut(conns); err != nil {
			r.Err = err.Error()
		}
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
}

func (o order) carryOut(conns map[string][]*client) error {
	for len(conns[o.Addr]) < o.Conns {
		c, err := new(net.Dialer).DialContext(context.Background(), "tcp", o.Addr)
		if err != nil {
			return err
		}
		conns[o.Addr] = append(conns[o.Addr], &client{c, bufio.NewReaderSize(c, 64<<10)})
	}
	request := []byte("GET " + o.Path + " HTTP/1.1\r\nHost: " + o.Addr + "\r\n" + o.Header + "\r\n")
	errs := make([]error, o.Conns)
	var wg sync.WaitGroup
	for i, c := range conns[o.Addr][:o.Conns] {
		wg.Go(func() {
			for range o.Requests / o.Conns {
				if errs[i] = c.ask(request, o.Status, o.Length); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// client is one connection. It reads no more of HTTP than it must: what it
// spends, it takes from the server on a small machine.
type client struct {
	net.Conn
	r *bufio.Reader
}

func (c *client) ask(request []byte, status, length int) error {
	if _, err := c.Write(request); err != nil {
		return err
	}
	first, err := c.r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if got := string(first[9:12]); got != strconv.Itoa(status) {
		return fmt.Errorf("status %s, want %d", got, status)
	}
	n := 0
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == 2 {
			break
		}
		if name, value, ok := strings.Cut(string(line), ": "); ok && strings.EqualFold(name, "Content-Length") {
			if n, err = strconv.Atoi(strings.TrimSpace(value)); err != nil {
				return err
			}
		}
	}
	if n != length {
		return fmt.Errorf("a body of %d bytes, want %d", n, length)
	}
	_, err = c.r.Discard(n)
	return err
}
