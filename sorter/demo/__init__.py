"""What the demo adds to the service: an embedded broker and a simulated diverter."""
