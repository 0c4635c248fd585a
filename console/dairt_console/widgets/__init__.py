"""Line-API widgets for live data: each draws only the lines it shows, and redraws only those that changed."""
