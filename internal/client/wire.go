package client

import "time"

// User is an account.
type User struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
	Name     string `json:"name"`
	State    string `json:"state"`
	Admin    bool   `json:"is_admin"`
}

// Project is a place for models.
type Project struct {
	ID             int64     `json:"id"`
	Path           string    `json:"path_with_namespace"`
	Description    string    `json:"description"`
	Visibility     string    `json:"visibility"`
	Archived       bool      `json:"archived"`
	WebURL         string    `json:"web_url"`
	CreatedAt      time.Time `json:"created_at"`
	LastActivityAt time.Time `json:"last_activity_at"`
}

// Tag is one entry of metadata.
type Tag struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Alias is a movable name of a version.
type Alias struct {
	Name      string    `json:"name"`
	VersionID int64     `json:"version_id"`
	Version   string    `json:"version"`
	UpdatedAt time.Time `json:"updated_at"`
}

// AliasMove is one step in the history of an alias.
type AliasMove struct {
	Name      string    `json:"name"`
	VersionID int64     `json:"version_id"` // 0: the alias was deleted, or the version is gone
	Version   string    `json:"version"`
	Author    *User     `json:"author"`
	CreatedAt time.Time `json:"created_at"`
}

// VersionRef names a version.
type VersionRef struct {
	ID      int64  `json:"id"`
	Version string `json:"version"`
}

// Model is a line of versions.
type Model struct {
	ID            int64       `json:"id"`
	Name          string      `json:"name"`
	Description   string      `json:"description"`
	ProjectID     int64       `json:"project_id"`
	VersionCount  int64       `json:"version_count"`
	RunCount      int64       `json:"candidate_count"`
	LatestVersion *VersionRef `json:"latest_version"`
	Metadata      []Tag       `json:"metadata"`
	Aliases       []Alias     `json:"aliases"`
	WebURL        string      `json:"web_url"`
	CreatedAt     time.Time   `json:"created_at"`
	UpdatedAt     time.Time   `json:"updated_at"`
}

// ModelSpec describes a model to be made.
type ModelSpec struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Metadata    []Tag  `json:"metadata,omitempty"`
}

// ModelEdit changes a model; nil leaves a field as it is.
type ModelEdit struct {
	Name        *string `json:"name,omitempty"`
	Description *string `json:"description,omitempty"`
	Metadata    *[]Tag  `json:"metadata,omitempty"` // replaces all
}

// Version is one state of a model, with files.
type Version struct {
	ID          int64     `json:"id"`
	Version     string    `json:"version"`
	ModelID     int64     `json:"model_id"`
	ModelName   string    `json:"model_name"`
	ProjectID   int64     `json:"project_id"`
	Description string    `json:"description"`
	RunIID      int64     `json:"candidate_id"`
	RunID       string    `json:"run_id"`
	Metadata    []Tag     `json:"metadata"`
	Aliases     []string  `json:"aliases"`
	FileCount   int64     `json:"file_count"` // -1: a GitLab, which does not tell
	Size        int64     `json:"size"`       // of all files; -1: as above
	WebURL      string    `json:"web_url"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// VersionSpec describes a version to be made; an empty Version is the next one.
type VersionSpec struct {
	Version     string `json:"version,omitempty"`
	Description string `json:"description,omitempty"`
	Metadata    []Tag  `json:"metadata,omitempty"`
}

// VersionEdit changes a version; nil leaves a field as it is.
type VersionEdit struct {
	Description *string `json:"description,omitempty"`
	Metadata    *[]Tag  `json:"metadata,omitempty"` // replaces all
}

// File is a file of a version or run.
type File struct {
	Path      string    `json:"path"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"file_sha256"`
	CreatedAt time.Time `json:"created_at"`
}
