// What Go's net/http does through a proxy: client PROXY SITE AUTHORITY SIZE.
package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
)

type said struct {
	Method, Path string
	Size         int
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	proxy, err := url.Parse(os.Args[1])
	must(err)
	site := os.Args[2]
	authority, err := os.ReadFile(os.Args[3])
	must(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	client := &http.Client{Transport: &http.Transport{
		Proxy:           http.ProxyURL(proxy),
		TLSClientConfig: &tls.Config{RootCAs: roots},
	}}

	check := func(response *http.Response, err error, method, path string, size int) {
		must(err)
		defer response.Body.Close()
		var got said
		must(json.NewDecoder(response.Body).Decode(&got))
		if got != (said{method, path, size}) {
			must(fmt.Errorf("the site was asked %v", got))
		}
	}
	for number := 0; number < 5; number++ {
		path := fmt.Sprintf("/echo?n=%d", number)
		response, err := client.Get(site + path)
		check(response, err, "GET", path, 0)
	}
	// A reader whose length is not known is sent in chunks.
	body := io.MultiReader(bytes.NewReader(make([]byte, 50_000)))
	response, err := client.Post(site+"/echo", "application/octet-stream", body)
	check(response, err, "POST", "/echo", 50_000)

	response, err = client.Get(site + "/ticks")
	must(err)
	ticks, err := io.ReadAll(response.Body)
	must(err)
	if bytes.Count(ticks, []byte("data:")) != 5 {
		must(fmt.Errorf("the stream had %q", ticks))
	}
	response, err = client.Get(site + "/file.bin")
	must(err)
	size, err := io.Copy(io.Discard, response.Body)
	must(err)
	if strconv.FormatInt(size, 10) != os.Args[4] {
		must(fmt.Errorf("the download had %d bytes", size))
	}
}
