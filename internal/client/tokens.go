package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// Token is a personal access token.
type Token struct {
	ID        int64    `json:"id"`
	UserID    int64    `json:"user_id"`
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	Active    bool     `json:"active"`
	Revoked   bool     `json:"revoked"`
	ExpiresAt string   `json:"expires_at"` // a day, as 2027-01-31; empty: never
	Secret    string   `json:"token"`      // only when it was just made
}

// TokenSpec describes a token to be made for the caller.
type TokenSpec struct {
	Name      string   `json:"name"`
	Scopes    []string `json:"scopes"`
	ExpiresAt string   `json:"expires_at,omitempty"` // a day; empty: never
}

const tokensPath = "/personal_access_tokens"

// CreateToken makes a token for the caller. A real GitLab takes only few scopes
// here.
func (c *Client) CreateToken(ctx context.Context, spec TokenSpec) (Token, error) {
	var t Token
	_, err := c.exchange(ctx, http.MethodPost, "/user"+tokensPath, nil, spec, &t)
	return t, err
}

// Tokens lists the tokens of a user, who has to be the caller unless that is an
// administrator.
func (c *Client) Tokens(ctx context.Context, userID int64) ([]Token, error) {
	return list[Token](ctx, c, tokensPath, url.Values{"user_id": {strconv.FormatInt(userID, 10)}})
}

// RevokeToken ends a token; "self" is the one that calls.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	_, err := c.exchange(ctx, http.MethodDelete, tokensPath+"/"+id, nil, nil, nil)
	return about(err, "", "token", id)
}

// RotateToken ends a token and makes a new one like it; "self" is the one that
// calls. An empty day of expiry leaves that to the server.
func (c *Client) RotateToken(ctx context.Context, id, expires string) (Token, error) {
	var t Token
	in := map[string]string{}
	if expires != "" {
		in["expires_at"] = expires
	}
	_, err := c.exchange(ctx, http.MethodPost, tokensPath+"/"+id+"/rotate", nil, in, &t)
	return t, about(err, "", "token", id)
}
