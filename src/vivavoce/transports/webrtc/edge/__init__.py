"""The media process. Nothing else imports this package: it loads FFmpeg, and reads what strangers send."""
